//go:build tools

// Package tools pins CoreDNS, with which pods of the end-to-end tests find services.
package tools

import _ "github.com/coredns/coredns"
