package isolate

import (
	"fmt"
	"net/netip"
	"strings"
)

// Formats are what Export writes.
var Formats = []string{"list", "nft", "aws", "gcp", "azure"}

// Export writes places for whoever blocks them elsewhere: as a list, as a set of
// nft, or as commands of a cloud with what is not known in capitals.
func Export(format string, places []netip.Prefix) (string, error) {
	switch format {
	case "list":
		return lines(places, func(_ int, p netip.Prefix) string { return showNet(p) }), nil
	case "nft":
		return nftSets(places), nil
	case "aws":
		return lines(places, func(i int, p netip.Prefix) string {
			family := map[bool]string{true: "--cidr-block", false: "--ipv6-cidr-block"}[p.Addr().Is4()]
			return fmt.Sprintf("aws ec2 create-network-acl-entry --network-acl-id ACL --egress --rule-number %d --protocol -1 --rule-action deny %s %s\n"+
				"aws ec2 create-network-acl-entry --network-acl-id ACL --ingress --rule-number %d --protocol -1 --rule-action deny %s %s", i+1, family, p, i+1, family, p)
		}), nil
	case "gcp":
		return lines(places, func(i int, p netip.Prefix) string {
			return fmt.Sprintf("gcloud compute firewall-rules create interdict-out-%d --network=NETWORK --direction=EGRESS --action=DENY --rules=all --priority=0 --destination-ranges=%s\n"+
				"gcloud compute firewall-rules create interdict-in-%d --network=NETWORK --direction=INGRESS --action=DENY --rules=all --priority=0 --source-ranges=%s", i+1, p, i+1, p)
		}), nil
	case "azure":
		return lines(places, func(i int, p netip.Prefix) string {
			return fmt.Sprintf("az network nsg rule create --resource-group GROUP --nsg-name NSG --name interdict-out-%d --priority %d --direction Outbound --access Deny --protocol '*' --destination-address-prefixes %s --destination-port-ranges '*'\n"+
				"az network nsg rule create --resource-group GROUP --nsg-name NSG --name interdict-in-%d --priority %d --direction Inbound --access Deny --protocol '*' --source-address-prefixes %s --destination-port-ranges '*'", i+1, 100+i, p, i+1, 100+i, p)
		}), nil
	}
	return "", fmt.Errorf("format %q: one of %s", format, strings.Join(Formats, ", "))
}

func lines(places []netip.Prefix, line func(int, netip.Prefix) string) string {
	var b strings.Builder
	for i, p := range places {
		b.WriteString(line(i, p) + "\n")
	}
	return b.String()
}

// nftSets are two sets to be put into a table of one's own.
func nftSets(places []netip.Prefix) string {
	var b strings.Builder
	for _, family := range []string{"ipv4", "ipv6"} {
		var elements []string
		for _, p := range places {
			if p.Addr().Is4() == (family == "ipv4") {
				elements = append(elements, showNet(p))
			}
		}
		if len(elements) > 0 {
			fmt.Fprintf(&b, "set interdict_%s {\n\ttype %s_addr\n\tflags interval\n\telements = { %s }\n}\n", family, family, strings.Join(elements, ", "))
		}
	}
	return b.String()
}
