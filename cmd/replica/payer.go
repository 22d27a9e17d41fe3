package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/payments"
)

// A payer's key is a file of its own: PKCS #8 in PEM (RFC 8410), as `openssl
// genpkey -algorithm ed25519` makes it too. No replica and no client needs it;
// only the payer does, wherever it signs.

// errPayer says that a file holds no payer's key.
var errPayer = errors.New("not an Ed25519 private key in PEM")

// pemType is the label of a PKCS #8 key.
const pemType = "PRIVATE KEY"

func newPayerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "payer",
		Short: "Make and show keys of payers who sign for themselves",
		Long: `Make and show keys of payers who sign for themselves.

A key owns one account, whose id follows from it. Open that account with
  replica account create ID --flags debits_must_be_signed
and nothing but the key can debit it; pay with
  replica transfer create --signer FILE --credit ID --amount N`,
	}
	cmd.AddCommand(newPayerCreate(), newPayerShow())
	return cmd
}

// payerShown is a payer's public side, for -o json.
type payerShown struct {
	Account   string `json:"account"`
	PublicKey string `json:"public_key"`
}

func newPayerCreate() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "create FILE",
		Short: "Make a key in a new file that you alone can read, and show its account",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return fail(exitFailure, err)
			}
			if err := savePayer(args[0], key); err != nil {
				return fail(exitFailure, fmt.Errorf("%s: %w", args[0], err))
			}
			return fail(exitFailure, printPayer(cmd.OutOrStdout(), key, out))
		},
	}
	addOutput(cmd, &out)
	return cmd
}

func newPayerShow() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show the account and the public key of a key file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := loadPayer(args[0])
			if err != nil {
				return fail(exitConfig, err)
			}
			return fail(exitFailure, printPayer(cmd.OutOrStdout(), key, out))
		},
	}
	addOutput(cmd, &out)
	return cmd
}

// keyAccount is the account that a key owns.
func keyAccount(key ed25519.PrivateKey) payments.U128 {
	return payments.KeyAccount([ed25519.PublicKeySize]byte(key.Public().(ed25519.PublicKey)))
}

func printPayer(w io.Writer, key ed25519.PrivateKey, out output) error {
	shown := payerShown{Account: keyAccount(key).String(), PublicKey: fmt.Sprintf("%x", key.Public())}
	if out == outputJSON {
		return json.NewEncoder(w).Encode(shown)
	}
	_, err := fmt.Fprintf(w, "account %s of key %s\n", shown.Account, shown.PublicKey)
	return err
}

// savePayer writes a key to a new file (Invariant R1).
func savePayer(path string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	defer clear(text)
	return writeFile(path, text, secretMode)
}

// loadPayer reads a key file, which must hold one key and nothing else.
func loadPayer(path string) (ed25519.PrivateKey, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s: %w; make one with: replica payer create FILE", path, errPayer)
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, errPayer, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: %w: it is a %T", path, errPayer, parsed)
	}
	return key, nil
}
