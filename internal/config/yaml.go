package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// loadYAML sets what source, the content of file, says. It walks the tree
// instead of decoding into a struct: each value reaches the setting as it was
// written, and each error knows its line.
func (c *Config) loadYAML(file string, source []byte) error {
	tree, err := parser.ParseBytes(source, 0)
	if err != nil {
		return fmt.Errorf("%s:%w", file, yamlError(err))
	}
	y := yamlFile{name: file, cfg: c}
	root := 0
	for _, doc := range tree.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		if root++; root > 1 {
			return y.at(doc.Body, errors.New("a second document"))
		}
		if err := y.mapping(doc.Body, ""); err != nil {
			return err
		}
	}
	return nil
}

// yamlError reduces an error of the parser to its line and message.
func yamlError(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) || y.GetToken() == nil {
		return fmt.Errorf(" %w", err)
	}
	return fmt.Errorf("%d: %s", y.GetToken().Position.Line, y.GetMessage())
}

type yamlFile struct {
	name string
	cfg  *Config
}

// at puts file and line of node before err.
func (y *yamlFile) at(node ast.Node, err error) error {
	return fmt.Errorf("%s:%d: %w", y.name, node.GetToken().Position.Line, err)
}

// mapping sets what node says; prefix stands before its keys.
func (y *yamlFile) mapping(node ast.Node, prefix string) error {
	m, ok := node.(ast.MapNode)
	if !ok {
		return y.at(node, errors.New("want settings, as in `workers: 4`"))
	}
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key()
		name, err := scalar(key)
		if err != nil {
			return y.at(key, fmt.Errorf("name of a setting: %w", err))
		}
		if err := y.entry(key, prefix+name, entries.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (y *yamlFile) entry(key ast.Node, name string, node ast.Node) error {
	if name+"." == limitPrefix {
		if node.Type() == ast.NullType {
			return nil
		}
		return y.mapping(node, limitPrefix)
	}
	s := findSetting(name)
	value, err := scalar(node)
	if s != nil && s.list {
		value, err = list(node)
	}
	if s == nil && !strings.HasPrefix(name, limitPrefix) {
		err = errors.New("no setting has this name")
	}
	if err == nil {
		err = y.cfg.set(name, value)
	}
	if err != nil {
		return y.at(key, fmt.Errorf("%s: %w", name, err))
	}
	return nil
}

// scalar returns a scalar as it was written, without quotes.
func scalar(node ast.Node) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.NullNode:
		return "", errors.New("no value")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, nil
	}
	return "", fmt.Errorf("want a plain value, not a %s", strings.ToLower(node.Type().String()))
}

// list returns the items of a sequence, or a scalar that holds them, separated
// by commas.
func list(node ast.Node) (string, error) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		return scalar(node)
	}
	items := make([]string, len(seq.Values))
	for i, item := range seq.Values {
		var err error
		if items[i], err = scalar(item); err != nil {
			return "", fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return strings.Join(items, ","), nil
}
