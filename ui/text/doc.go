// Package text is the one way of untrusted text to a terminal.
//
// Arguments, paths, host names, addresses and error messages are written by
// attackers as much as by anybody else. [Clean] makes everything in them that
// a terminal would obey, or that an eye would miss, visible instead of
// dropping it: it is evidence. ESC shows as \x1b, a right-to-left override as
// <U+202E>.
//
// The fitting functions clean first and measure afterwards, in cells, by
// grapheme, and never give more cells than they were asked for. Styles are put
// around their result, never into it: an escape sequence that goes in comes
// out as text.
package text
