package payments

import "quorate/wire"

// ClientRecord registers a client. Encoding: 64 bytes, little-endian: id u64,
// public key 32 bytes, roles u32, 20 bytes of zero.
type ClientRecord struct {
	ID    wire.ClientID
	Key   [32]byte // Ed25519 public key, RFC 8032
	Roles Roles
}

// ClientRecordBytes is the size of an encoded ClientRecord.
const ClientRecordBytes = 64

// Roles is the bit set of what a client may do.
type Roles uint32

// The roles.
const (
	RoleAdmin     Roles = 1 << 0 // OpRegisterClient
	RoleAccounts  Roles = 1 << 1 // OpCreateAccounts
	RoleTransfers Roles = 1 << 2 // OpCreateTransfers
	RoleQueries   Roles = 1 << 3 // the lookups, queries and totals

	// RoleSignedTransfers is for OpCreateSignedTransfers alone: a gateway that has
	// no more than this moves nothing that its owner did not sign. RoleTransfers
	// allows that operation too.
	RoleSignedTransfers Roles = 1 << 4

	RolesAll Roles = 1<<5 - 1
)
