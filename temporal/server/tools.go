//go:build tools

// Package tools pins the Temporal CLI, whose server and UI Holdfast starts on a machine that has none.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
