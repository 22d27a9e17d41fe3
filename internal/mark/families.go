package mark

// Family is a set of marks that one call hits: the values of a small code, whose
// names the room itself has.
type Family uint8

// The families.
const (
	TransferCodes Family = iota // payments.TransferCode
	AccountCodes                // payments.AccountCode
	RegisterCodes               // payments.RegisterCode
	Statuses                    // payments.Status
	CoreRejects                 // RejectNumber of a message that the core refused
	ClientRejects               // wire.RejectCode that a client was sent
	Families      = 6           // their number
)

// CodesMax is above every code of every family.
const CodesMax = 1024

// RejectNumber joins the kind of a message and why it was refused.
func RejectNumber(kind, reason uint8) uint32 { return uint32(kind)*reasonsMax + uint32(reason) }

// reasonsMax is above every reason of a refusal.
const reasonsMax = 16

// SplitReject is the inverse of RejectNumber.
func SplitReject(code uint32) (kind, reason uint8) {
	return uint8(code / reasonsMax), uint8(code % reasonsMax)
}

// FamilyInfo is what the registry says of a family.
type FamilyInfo struct {
	Prefix string // of its marks' names
	Room   string
	// Expected are the codes that a simulation reaches. Others may be given too;
	// they are the business of unit tests, and docs/TESTING.md says why.
	Expected []uint32
}

// AllFamilies gives the registry of families, by family.
func AllFamilies() []FamilyInfo { return families[:] }

// span lists the codes from first to last.
func span(first, last uint32, without ...uint32) (codes []uint32) {
	skip := map[uint32]bool{}
	for _, c := range without {
		skip[c] = true
	}
	for c := first; c <= last; c++ {
		if !skip[c] {
			codes = append(codes, c)
		}
	}
	return codes
}

var families = [Families]FamilyInfo{
	TransferCodes: {"transfer", "payments", append(span(1, 68, 18, 53), span(1000, 1004)...)},
	AccountCodes:  {"account", "payments", append(span(1, 26), 1000, 1001, 1002)},
	RegisterCodes: {"register", "payments", span(1, 10)},
	Statuses:      {"status", "payments", span(1, 10, 4, 5, 8)},
	CoreRejects:   {"reject", "consensus", coreRejects},
	ClientRejects: {"refuse", "pipeline", append(span(1, 9, 5), 13)},
}
