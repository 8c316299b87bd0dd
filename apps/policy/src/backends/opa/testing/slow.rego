package shop

# Asks for more steps than there is time for.
endless if {
	n := numbers.range(1, to_number(input.value))
	some a in n
	some b in n
	some c in n
	((a * b) + c) == -1
}

# Asks for more memory than there is.
greedy if {
	n := numbers.range(1, to_number(input.value))
	count([[a, b, c] | some a in n; some b in n; some c in n]) == 0
}
