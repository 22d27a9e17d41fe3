// Package storage keeps the vote journal and the ledger on disk.
package storage
