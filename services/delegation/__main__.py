from libs.common.service import main
from services.delegation.app import SERVICE

if __name__ == "__main__":
    main(SERVICE)
