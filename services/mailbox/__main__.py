from libs.common.service import main
from services.mailbox.app import SERVICE

main(SERVICE)
