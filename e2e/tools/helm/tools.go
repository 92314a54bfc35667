//go:build tools

// Package tools pins helm, with which the end-to-end tests install the chart.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
