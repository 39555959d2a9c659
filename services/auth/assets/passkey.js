// Asks the browser for a passkey when a button with data-passkey is pressed, and sends what it gave with the form.
(() => {
  "use strict";
  const decode = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const encode = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const described = (list) => (list || []).map((one) => ({ ...one, id: decode(one.id) }));

  async function create(options) {
    const user = { ...options.user, id: decode(options.user.id) };
    const excludeCredentials = described(options.excludeCredentials);
    const publicKey = { ...options, user, excludeCredentials, challenge: decode(options.challenge) };
    const made = await navigator.credentials.create({ publicKey });
    return { made, response: { attestationObject: encode(made.response.attestationObject) } };
  }

  async function get(options) {
    const allowCredentials = described(options.allowCredentials);
    const publicKey = { ...options, allowCredentials, challenge: decode(options.challenge) };
    const made = await navigator.credentials.get({ publicKey });
    const { authenticatorData, signature, userHandle } = made.response;
    const response = { authenticatorData: encode(authenticatorData), signature: encode(signature) };
    return { made, response: userHandle ? { ...response, userHandle: encode(userHandle) } : response };
  }

  async function ask(button) {
    const form = button.form;
    const body = new URLSearchParams();
    for (const name of ["form_token", "name"]) {
      if (form.elements[name]) body.set(name, form.elements[name].value);
    }
    const answer = await fetch(button.dataset.options, { method: "POST", body, credentials: "same-origin" });
    if (!answer.ok) throw new Error("refused");
    const options = await answer.json();
    const { made, response } = await (button.dataset.passkey === "create" ? create(options) : get(options));
    return JSON.stringify({
      id: made.id,
      rawId: encode(made.rawId),
      type: made.type,
      response: { ...response, clientDataJSON: encode(made.response.clientDataJSON) },
    });
  }

  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.addEventListener("click", async (event) => {
      const field = button.form.elements.credential;
      if (field.value || (!button.formNoValidate && !button.form.checkValidity())) return;
      event.preventDefault();
      const fault = document.getElementById("passkey-fault");
      fault.hidden = true;
      button.disabled = true;
      try {
        if (!window.PublicKeyCredential) throw new Error("unsupported");
        field.value = await ask(button);
      } catch {
        fault.hidden = false;
        fault.focus();
      } finally {
        button.disabled = false;
      }
      if (field.value) button.click();
    });
  }
})();
