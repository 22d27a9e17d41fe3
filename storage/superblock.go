package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"quorate/internal/mark"
	"quorate/internal/plant"
	"quorate/wire"
)

// The superblock is what a journal knows about itself, in one sector so that
// each copy is old or new and never half. Four copies stand in four blocks of
// one file; the newest sequence number that two equal copies agree on wins, as
// in TigerBeetle. One write and one sync replace all four.
const (
	superblockCopies = 4
	superblockBytes  = superblockCopies * blockBytes
	superblockName   = "superblock"
	reasonBytesMax   = 120
)

var superblockMagic = [8]byte{'Q', 'R', 'T', 'S', 'U', 'P', '0', '1'}

type superblock struct {
	sequence     uint64 // grows by one with every write
	cluster      wire.Digest
	replica      wire.ReplicaID
	clean        bool // written by Close; the journal ends exactly at synced
	amnesia      bool // stands until Healed
	segmentBytes uint32
	slots        uint32 // segment files that must exist
	incarnation  uint64
	nonce        [16]byte
	firstIndex   uint64 // oldest live segment…
	firstLSN     LSN    // …the LSN its first record has or will have…
	firstChain   chain  // …and the chain before that record
	synced       LSN    // the journal holds every record up to here
	syncedChain  chain
	applied      wire.SeqNum // MarkApplied
	reason       string      // of the amnesia
}

// seed is the start of the hash chain: whose journal this is.
func (s *superblock) seed() chain {
	var b [10]byte
	binary.LittleEndian.PutUint16(b[0:], uint16(s.replica))
	binary.LittleEndian.PutUint64(b[2:], s.incarnation)
	return sumChain([]byte("quorate/journal/1"), s.cluster[:], b[:], s.nonce[:])
}

// encode writes one copy into a sector.
func (s *superblock) encode(sector []byte, number uint8) {
	clear(sector[:sectorBytes])
	le := binary.LittleEndian
	copy(sector, superblockMagic[:])
	le.PutUint64(sector[8:], s.sequence)
	copy(sector[16:], s.cluster[:])
	le.PutUint16(sector[48:], uint16(s.replica))
	if s.clean {
		sector[50] |= 1
	}
	if s.amnesia {
		sector[50] |= 2
	}
	sector[51] = number
	le.PutUint32(sector[52:], s.segmentBytes)
	le.PutUint64(sector[56:], s.incarnation)
	copy(sector[64:], s.nonce[:])
	le.PutUint64(sector[80:], s.firstIndex)
	le.PutUint64(sector[88:], uint64(s.firstLSN))
	copy(sector[96:], s.firstChain[:])
	le.PutUint64(sector[112:], uint64(s.synced))
	copy(sector[120:], s.syncedChain[:])
	le.PutUint64(sector[136:], uint64(s.applied))
	le.PutUint32(sector[144:], s.slots)
	sector[148] = uint8(copy(sector[149:149+reasonBytesMax], s.reason))
	sealSector(sector)
}

// decodeSuperblock reads copy number of a superblock; ok is false for any
// bytes that encode would not have written there.
func decodeSuperblock(sector []byte, number uint8) (s superblock, ok bool) {
	if len(sector) < sectorBytes || [8]byte(sector) != superblockMagic || !sectorIntact(sector[:sectorBytes]) {
		return s, false
	}
	le := binary.LittleEndian
	s = superblock{
		sequence: le.Uint64(sector[8:]), cluster: wire.Digest(sector[16:48]),
		replica: wire.ReplicaID(le.Uint16(sector[48:])),
		clean:   sector[50]&1 != 0, amnesia: sector[50]&2 != 0,
		segmentBytes: le.Uint32(sector[52:]), incarnation: le.Uint64(sector[56:]),
		nonce:      [16]byte(sector[64:80]),
		firstIndex: le.Uint64(sector[80:]), firstLSN: LSN(le.Uint64(sector[88:])), firstChain: chain(sector[96:112]),
		synced: LSN(le.Uint64(sector[112:])), syncedChain: chain(sector[120:136]),
		applied: wire.SeqNum(le.Uint64(sector[136:])), slots: le.Uint32(sector[144:]),
	}
	if n := int(sector[148]); n <= reasonBytesMax {
		s.reason = string(sector[149 : 149+n])
	}
	var again [sectorBytes]byte
	s.encode(again[:], number)
	return s, bytes.Equal(again[:], sector[:sectorBytes])
}

// chooseSuperblock gives the superblock of the highest sequence number that at
// least two equal copies agree on. Two different superblocks of one sequence
// number cannot both be trusted, and there is no other witness, so then none is.
func chooseSuperblock(file []byte) (best superblock, ok bool) {
	var found []superblock
	for i := range superblockCopies {
		if len(file) < (i+1)*blockBytes {
			break
		}
		if s, good := decodeSuperblock(file[i*blockBytes:], uint8(i)); good {
			found = append(found, s)
		} else {
			mark.Hit(mark.SuperCopyBroken)
		}
	}
	for i, s := range found {
		if plant.On(plant.OneSuperblockCopy) && (!ok || s.sequence > best.sequence) {
			best, ok = s, true
		}
		for _, t := range found[i+1:] {
			if s == t && (!ok || s.sequence > best.sequence) {
				best, ok = s, true
			}
		}
	}
	for _, s := range found {
		mark.If(ok && s.sequence != best.sequence, mark.SuperTwoAges)
		mark.If(ok && s.sequence > best.sequence, mark.SuperOlderWins)
		if ok && s.sequence == best.sequence && s != best {
			return superblock{}, false
		}
	}
	return best, ok
}

// writeSuperblock makes the current superblock durable under the next number.
func (j *Journal) writeSuperblock() error {
	j.super.sequence++
	buf := j.superBuf[:]
	clear(buf)
	for i := range superblockCopies {
		j.super.encode(buf[i*blockBytes:], uint8(i))
	}
	if _, err := j.superFile.WriteAt(buf, 0); err != nil {
		return j.die("write superblock", err)
	}
	if err := j.superFile.SyncData(); err != nil {
		return j.die("sync superblock", err)
	}
	j.stats.Superblocks++
	j.sinceSuperBytes, j.sinceSuperGroups = 0, 0
	return nil
}

// createSuperblock makes the superblock file appear whole or not at all.
func (j *Journal) createSuperblock() error {
	tmp := j.path(superblockName + ".tmp")
	f, err := j.fs.Create(tmp, writeCategory)
	if err != nil {
		return fmt.Errorf("storage: create superblock: %w", err)
	}
	buf := j.superBuf[:]
	clear(buf)
	for i := range superblockCopies {
		j.super.encode(buf[i*blockBytes:], uint8(i))
	}
	_, err = f.Write(bytes.Clone(buf))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = j.fs.Rename(tmp, j.path(superblockName))
	}
	if err == nil {
		err = syncDir(j.fs, j.dir)
	}
	if err == nil {
		j.superFile, err = j.fs.OpenReadWrite(j.path(superblockName), writeCategory)
	}
	if err != nil {
		return fmt.Errorf("storage: create superblock: %w", err)
	}
	return nil
}
