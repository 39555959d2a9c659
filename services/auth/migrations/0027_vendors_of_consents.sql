-- Whom the page named when a person allowed a product. Of consents that were given before, the vendor that all the
-- product's clients have now; where they have several, nobody knows whom the page named, and it is shown again.
ALTER TABLE software_consents ADD COLUMN vendor text;
UPDATE software_consents SET vendor = (
    SELECT min(clients.vendor) FROM clients WHERE software = product
    HAVING count(DISTINCT coalesce(clients.vendor, '')) = 1);
GRANT UPDATE (vendor) ON software_consents TO :app;
