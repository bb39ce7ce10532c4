package memory_test

import (
	"testing"

	"github.com/template-worker/template-worker/internal/store"
	"github.com/template-worker/template-worker/internal/store/memory"
	"github.com/template-worker/template-worker/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
}
