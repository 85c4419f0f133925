package ui

// footer gives the keys of what is on the screen, from the keymap alone. What
// was said last stands above them, or in a low window in their place.
func (m *Model) footer() []string {
	where := m.shown
	if m.overlay != nil {
		where = m.overlay.mode()
	}
	looks, changes := m.keys.footer(where)
	s := m.strip(m.layout.width - m.keyWidth(looks, help))
	for _, b := range looks {
		if b.Action != string(help) {
			m.keyWord(s, b)
		}
	}
	s.width = m.layout.width
	for _, b := range looks {
		if b.Action == string(help) { // it leads to all others, so it has room always
			m.keyWord(s, b)
		}
	}
	bottom := []string{s.String(), m.dangerLine(changes)}
	switch {
	case m.layout.footer >= 3:
		return append([]string{m.saidLine()}, bottom...)
	case m.said != "":
		return []string{m.saidLine(), bottom[1]}
	}
	return bottom
}

func (m *Model) saidLine() string {
	if m.said == "" {
		return m.rule(m.layout.width, "")
	}
	r := title
	if m.saidBad {
		r = critical
	}
	return m.strip(m.layout.width).add(r, " "+m.said).String()
}

func (m *Model) keyWord(s *strip, b Binding) {
	k := label(b.Keys[0])
	if s.room() < len(k)+len(b.Short)+3 {
		return
	}
	s.add(normal, " ").add(keycap, k).add(normal, " "+b.Short+" ")
}

func (m *Model) dangerLine(changes []Binding) string {
	s := m.strip(m.layout.width)
	if m.config.ReadOnly {
		return s.add(muted, " READ-ONLY: nothing here changes a host").String()
	}
	if len(changes) == 0 {
		return ""
	}
	s.add(danger, " CHANGES A HOST  ")
	for _, b := range changes {
		m.keyWord(s, b)
	}
	return s.String()
}

// keyWidth is the room that the keys of one action take.
func (m *Model) keyWidth(all []Binding, a action) (n int) {
	for _, b := range all {
		if b.Action == string(a) {
			n += len(label(b.Keys[0])) + len(b.Short) + 3
		}
	}
	return n
}
