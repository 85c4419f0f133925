package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
)

// askedFile keeps the queries that were written in the console: a JSON string a
// line, oldest first. Two consoles may add to it at once.
type askedFile string

// askedKept bounds what is read back, in queries.
const askedKept = 500

// Queries gives the newest. A line that is damaged is passed over.
func (a askedFile) Queries() ([]string, error) {
	f, err := os.Open(string(a))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []string
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		var query string
		if json.Unmarshal(line, &query) == nil && query != "" {
			if n := len(all); n == 0 || all[n-1] != query {
				all = append(all, query)
			}
		}
		if all = all[max(len(all)-askedKept, 0):]; err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}

// Add writes one line at the end, in one call.
func (a askedFile) Add(query string) error {
	line, err := json.Marshal(query)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(string(a), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}
