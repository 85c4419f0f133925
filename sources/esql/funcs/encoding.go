package funcs

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"interdict/sources/frame"
)

// encodings are digests, base64 and the escapes of URLs.
func encodings() []Def {
	return []Def{
		word("md5", digest(md5.New)),
		word("sha1", digest(sha1.New)),
		word("sha256", digest(sha256.New)),
		{Name: "hash", Params: strs("algorithm", "input"), Result: Fixed(frame.Keyword), New: hashRow},
		word("to_base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		decoder("from_base64", fromBase64),
		word("url_encode", url.QueryEscape),
		word("url_encode_component", func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }),
		decoder("url_decode", urlDecode),
	}
}

// decoder is a function of text that can be wrong.
func decoder(name string, f func(string) (string, error)) Def {
	return Def{Name: name, Params: strs("string"), Result: Fixed(frame.Keyword), Row: func(r *Row) {
		s, err := f(r.Str(0))
		if err != nil {
			r.Fail("java.lang.IllegalArgumentException: %s", err)
			return
		}
		r.SetStr(s)
	}}
}

func digest(algorithm func() hash.Hash) func(string) string {
	return func(s string) string {
		h := algorithm()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
}

// algorithmNamed finds a digest by the name that Java knows it by.
func algorithmNamed(name string) (func() hash.Hash, bool) {
	switch strings.ToUpper(name) {
	case "MD5":
		return md5.New, true
	case "SHA", "SHA1", "SHA-1":
		return sha1.New, true
	case "SHA-224", "SHA224":
		return sha256.New224, true
	case "SHA-256", "SHA256":
		return sha256.New, true
	case "SHA-384", "SHA384":
		return sha512.New384, true
	case "SHA-512", "SHA512":
		return sha512.New, true
	case "SHA-512/224", "SHA512/224":
		return sha512.New512_224, true
	case "SHA-512/256", "SHA512/256":
		return sha512.New512_256, true
	case "SHA3-224":
		return func() hash.Hash { return sha3.New224() }, true
	case "SHA3-256":
		return func() hash.Hash { return sha3.New256() }, true
	case "SHA3-384":
		return func() hash.Hash { return sha3.New384() }, true
	case "SHA3-512":
		return func() hash.Hash { return sha3.New512() }, true
	}
	return nil, false
}

func hashRow(c *Call) (func(*Row), error) {
	if name, ok := c.ConstStr(0); ok {
		if _, known := algorithmNamed(name); !known {
			return nil, fmt.Errorf("invalid algorithm for [%s]: %s MessageDigest not available", c.Source, name)
		}
	}
	return func(r *Row) {
		algorithm, ok := algorithmNamed(r.Str(0))
		if !ok {
			r.Fail("java.security.NoSuchAlgorithmException: %s MessageDigest not available", r.Str(0))
			return
		}
		r.SetStr(digest(algorithm)(r.Str(1)))
	}, nil
}

// fromBase64 takes text with or without the padding at its end.
// fromBase64 takes what Java's decoder takes, and says what it says.
func fromBase64(s string) (string, error) {
	if len(s) == 1 {
		return "", errors.New("Input byte[] should at least have 2 bytes for base64 bytes")
	}
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if strings.IndexByte(base64Letters, body[i]) < 0 && body[i] != '=' {
			return "", fmt.Errorf("Illegal base64 character %s", strconv.FormatInt(int64(int8(body[i])), 16))
		}
	}
	if at := strings.IndexByte(body, '='); at >= 0 {
		return "", fmt.Errorf("Input byte array has incorrect ending byte at %d", at+1)
	}
	switch pad := len(s) - len(body); {
	case len(body)%4 == 1:
		return "", errors.New("Last unit does not have enough valid bits")
	case pad > 0 && len(body)%4 == 0, pad == 1 && len(body)%4 == 2:
		return "", errors.New("Input byte array has wrong 4-byte ending unit")
	case pad > 4-len(body)%4:
		return "", fmt.Errorf("Input byte array has incorrect ending byte at %d", len(body)+4-len(body)%4)
	}
	out, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(out) {
		return "", errors.New("decoded value is not valid UTF-8, which is not supported yet")
	}
	return string(out), nil
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func urlDecode(s string) (string, error) {
	out, err := url.QueryUnescape(s)
	var bad url.EscapeError
	switch {
	case errors.As(err, &bad) && len(bad) < 3:
		return "", errors.New("URLDecoder: Incomplete trailing escape (%) pattern")
	case errors.As(err, &bad):
		return "", fmt.Errorf("URLDecoder: Illegal hex characters in escape (%%) pattern : %s", string(bad)[1:])
	}
	return out, err
}
