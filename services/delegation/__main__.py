from libs.common.service import main
from services.delegation.app import SERVICE

main(SERVICE)
