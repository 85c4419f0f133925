package ecs

// Tool is a program that can move files over a network.
type Tool struct {
	Name string
	// Always tells that every execution counts as a transfer tool; the others
	// count only with arguments that send or fetch files (curl -T, nc < file).
	Always bool
	Source string // who lists it; see docs/rules.md
}

// Tools is the union of what detection projects call file-transfer tools.
func Tools() []Tool { return append([]Tool(nil), tools[:]...) }

var tools = [...]Tool{
	{Name: "scp", Always: true, Source: "elastic sigma falco jibril"},
	{Name: "sftp", Always: true, Source: "elastic sigma falco jibril"},
	{Name: "sftp-server", Always: true, Source: "elastic"},
	{Name: "rsync", Always: true, Source: "elastic sigma falco jibril"},
	{Name: "rsyncd", Always: true, Source: "sigma"},
	{Name: "ftp", Always: true, Source: "elastic jibril sigma"},
	{Name: "tftp", Always: true, Source: "elastic"},
	{Name: "vsftpd", Always: true, Source: "elastic"},
	{Name: "lftp", Always: true, Source: "interdict"},
	{Name: "ncftp", Always: true, Source: "interdict"},
	{Name: "ncftpput", Always: true, Source: "interdict"},
	{Name: "ncftpget", Always: true, Source: "interdict"},
	{Name: "dcp", Always: true, Source: "falco"},
	{Name: "rclone", Always: true, Source: "elastic"},
	{Name: "smbclient", Always: true, Source: "elastic"},
	{Name: "azcopy", Always: true, Source: "interdict"},
	{Name: "gsutil", Always: true, Source: "interdict"},
	{Name: "aria2c", Always: true, Source: "elastic"},
	{Name: "lwp-download", Always: true, Source: "elastic"},
	{Name: "curl", Always: false, Source: "elastic sigma"},
	{Name: "wget", Always: false, Source: "elastic sigma"},
	{Name: "nc", Always: false, Source: "elastic falco"},
	{Name: "ncat", Always: false, Source: "elastic falco"},
	{Name: "netcat", Always: false, Source: "elastic falco"},
	{Name: "nc.traditional", Always: false, Source: "elastic"},
	{Name: "nc.openbsd", Always: false, Source: "elastic"},
	{Name: "netcat.traditional", Always: false, Source: "elastic"},
	{Name: "netcat.openbsd", Always: false, Source: "elastic"},
	{Name: "socat", Always: false, Source: "elastic falco"},
	{Name: "openssl", Always: false, Source: "elastic"},
	{Name: "ssh", Always: false, Source: "elastic"},
	{Name: "aws", Always: false, Source: "elastic"},
	{Name: "az", Always: false, Source: "elastic"},
	{Name: "gcloud", Always: false, Source: "elastic"},
	{Name: "kubectl", Always: false, Source: "elastic"},
}

var toolByName = func() map[string]Tool {
	m := make(map[string]Tool, len(tools))
	for _, t := range tools {
		m[t.Name] = t
	}
	return m
}()

// ToolNamed finds a tool by the base name of its executable.
func ToolNamed(name string) (Tool, bool) {
	t, ok := toolByName[name]
	return t, ok
}
