package funcs

import (
	"fmt"
	"net/netip"

	"interdict/sources/frame"
)

// addresses are the functions of IP addresses.
func addresses() []Def {
	return []Def{
		{Name: "cidr_match", Params: []Param{{Name: "ip", Types: IP}, {Name: "blockX", Types: String}}, Variadic: true, Result: Fixed(frame.Boolean), New: cidrRow},
	}
}

func cidrRow(c *Call) (func(*Row), error) {
	var nets []netip.Prefix
	for i := 1; i < len(c.Args); i++ {
		if c.Args[i].Const == nil {
			return cidrSlow, nil
		}
		lo, hi := c.Args[i].Const.Range(0)
		for ; lo < hi; lo++ {
			s := c.Args[i].Const.TextAt(lo)
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return nil, fmt.Errorf("'%s' is not an IP string literal.", s)
			}
			nets = append(nets, p.Masked())
		}
	}
	return func(r *Row) {
		a := r.Addr(0)
		for _, p := range nets {
			if p.Contains(a) {
				r.SetBool(true)
				return
			}
		}
		r.SetBool(false)
	}, nil
}

func cidrSlow(r *Row) {
	for i := 1; i < r.Args(); i++ {
		p, err := netip.ParsePrefix(r.Str(i))
		if err != nil {
			r.Fail("java.lang.IllegalArgumentException: '%s' is not an IP string literal.", r.Str(i))
			return
		}
		if p.Contains(r.Addr(0)) {
			r.SetBool(true)
			return
		}
	}
	r.SetBool(false)
}
