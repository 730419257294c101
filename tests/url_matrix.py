ACTORS = ("anonymous", "customer", "operator", "officer", "dpo", "auditor", "administrator", "newcomer")
GET_WRITES = {"consent:changed"}
MATRIX = {}
