from libs.common.service import main
from services.mailbox.app import SERVICE

if __name__ == "__main__":
    main(SERVICE)
