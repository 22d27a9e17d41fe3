package payments

// chunkLen is the number of records that a table grows by: for 128-byte records
// 1 MiB, which takes well below 1 ms to clear (P8), where doubling one flat
// slice would copy gigabytes at once.
const chunkLen = 8192

// table is a flat, pointer-free array of records that grows by chunks and never
// moves a record, so that pointers into it stay good.
type table[T any] struct {
	chunks []*[chunkLen]T
}

// at gives record i, which must be below what grow was asked for.
func (t *table[T]) at(i uint32) *T { return &t.chunks[i/chunkLen][i%chunkLen] }

// grow makes room for n records.
func (t *table[T]) grow(n uint32) {
	for uint64(len(t.chunks))*chunkLen < uint64(n) {
		t.chunks = append(t.chunks, new([chunkLen]T))
	}
}
