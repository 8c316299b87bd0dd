package shop

# Who may do what in the shop; `data.owners` is in the bundle.
default allow := false

allow if input.subject.user in data.owners

allow if {
	input.action.method == "GET"
	regex.match(`^/reviews/\d+$`, input.action.path)
}

decision := {"allow": allow, "message": message}

default message := "only owners may do that"

message := "welcome" if allow
