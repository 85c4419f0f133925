package funcs

import "testing"

func TestDigestsAreHexadecimal(t *testing.T) {
	const sha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	checkCalls(t, "md5", []example{{list{"abc"}, "900150983cd24fb0d6963f7d28e17f72"}})
	checkCalls(t, "sha1", []example{{list{"abc"}, "a9993e364706816aba3e25717850c26c9cd0d89d"}})
	checkCalls(t, "sha256", []example{{list{"abc"}, sha256OfAbc}})
	checkCalls(t, "hash", []example{{list{"SHA-256", "abc"}, sha256OfAbc}, {list{"md5", "abc"}, "900150983cd24fb0d6963f7d28e17f72"}, {list{nil, "abc"}, nil}})
}

func TestAnUnknownDigestIsToldWhenTheQueryIsReadIfItCan(t *testing.T) {
	if got := callOnce(t, "hash", true, list{"crc", "abc"}); got != refusal("invalid algorithm for [hash()]: crc MessageDigest not available") {
		t.Error(got)
	}
	if got := callOnce(t, "hash", false, list{"crc", "abc"}); got != refusal("java.security.NoSuchAlgorithmException: crc MessageDigest not available") {
		t.Error(got)
	}
}

func TestBase64IsReadWithAndWithoutPadding(t *testing.T) {
	checkCalls(t, "to_base64", []example{{list{"elastic!"}, "ZWxhc3RpYyE="}})
	checkCalls(t, "from_base64", []example{
		{list{"ZWxhc3RpYyE="}, "elastic!"}, {list{"ZWxhc3RpYyE"}, "elastic!"},
		{list{"a*b="}, refusal("java.lang.IllegalArgumentException: Illegal base64 character 2a")},
		{list{"Z"}, refusal("java.lang.IllegalArgumentException: Input byte[] should at least have 2 bytes for base64 bytes")},
	})
}

func TestUrlsAreEscapedAndBack(t *testing.T) {
	checkCalls(t, "url_encode", []example{{list{"a b&ü~*"}, "a+b%26%C3%BC~%2A"}})
	checkCalls(t, "url_encode_component", []example{{list{"a b+"}, "a%20b%2B"}})
	checkCalls(t, "url_decode", []example{
		{list{"a+b%26"}, "a b&"},
		{list{"a%2"}, refusal("java.lang.IllegalArgumentException: URLDecoder: Incomplete trailing escape (%) pattern")},
		{list{"a%zz"}, refusal("java.lang.IllegalArgumentException: URLDecoder: Illegal hex characters in escape (%) pattern : zz")},
	})
}
