from libs.common.service import main
from services.auth.app import SERVICE

if __name__ == "__main__":
    main(SERVICE)
