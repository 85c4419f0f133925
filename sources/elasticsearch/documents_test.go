package elasticsearch

import (
	"testing"

	"interdict/playbooks"
	"interdict/playbooks/documentstest"
)

func TestTheClusterKeepsThePromisesOfAStoreOfDocuments(t *testing.T) {
	kind := somewhere(t)
	defer do(t, "DELETE", "/"+documentsPrefix+kind, "")
	documentstest.Run(t, kind, func(t *testing.T) playbooks.Documents { return connect(t).Documents() })
}
