from libs.common.errors import Conflict


class OnlineServiceOfAnotherDepartment(Conflict):
    code = "online-service-of-another-department"
    en = "The code {online_service} is already that of another department's service."
    fr = "Le code {online_service} est déjà celui d'un service d'un autre ministère ou organisme."
