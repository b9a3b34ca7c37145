// Go's hamba/avro as a client: see tests/integration/test_clients.py for the lines it reads and writes. It writes arrays and maps in
// blocks with negative counts and their sizes, except for every other message.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/hamba/avro/v2"
)

var day = 24 * time.Hour

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "avro_client:", err)
		os.Exit(1)
	}
}

// A name becomes what it names.
func resolved(schema avro.Schema) avro.Schema {
	if ref, ok := schema.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return schema
}

func logical(schema avro.Schema) avro.LogicalSchema {
	if typed, ok := schema.(avro.LogicalTypeSchema); ok {
		return typed.Logical()
	}
	return nil
}

func number(value any) int64 {
	found, err := value.(json.Number).Int64()
	check(err)
	return found
}

func scale(schema avro.Schema) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(logical(schema).(*avro.DecimalLogicalSchema).Scale())), nil)
}

// What stands on a line to what the library takes.
func logicalValue(value any, schema avro.Schema) any {
	switch logical(schema).Type() {
	case avro.Decimal:
		digits, _ := new(big.Int).SetString(value.(string), 10)
		return new(big.Rat).SetFrac(digits, scale(schema))
	case avro.Date:
		return time.Unix(number(value)*86400, 0).UTC()
	case avro.TimeMillis:
		return time.Duration(number(value)) * time.Millisecond
	case avro.TimeMicros:
		return time.Duration(number(value)) * time.Microsecond
	case avro.TimestampMillis:
		return time.UnixMilli(number(value)).UTC()
	case avro.TimestampMicros, avro.LocalTimestampMicros:
		return time.UnixMicro(number(value)).UTC()
	}
	return value
}

func unionValue(value any, union *avro.UnionSchema) any {
	if value == nil {
		return nil
	}
	for name, inner := range value.(map[string]any) {
		for _, branch := range union.Types() {
			if branchName(branch) == name {
				return map[string]any{nameOf(branch): nativeOf(inner, branch)}
			}
		}
	}
	panic("no such branch")
}

func branchName(schema avro.Schema) string {
	schema = resolved(schema)
	if named, ok := schema.(avro.NamedSchema); ok {
		return named.FullName()
	}
	return string(schema.Type())
}

// The library's name of a branch has the logical type in it.
func nameOf(schema avro.Schema) string {
	if what := logical(schema); what != nil {
		return branchName(schema) + "." + string(what.Type())
	}
	return branchName(schema)
}

func nativeOf(value any, schema avro.Schema) any {
	schema = resolved(schema)
	if logical(schema) != nil {
		return logicalValue(value, schema)
	}
	switch typed := schema.(type) {
	case *avro.UnionSchema:
		return unionValue(value, typed)
	case *avro.ArraySchema:
		items := []any{}
		for _, item := range value.([]any) {
			items = append(items, nativeOf(item, typed.Items()))
		}
		return items
	case *avro.MapSchema:
		items := map[string]any{}
		for name, item := range value.(map[string]any) {
			items[name] = nativeOf(item, typed.Values())
		}
		return items
	case *avro.RecordSchema:
		items := map[string]any{}
		for _, field := range typed.Fields() {
			items[field.Name()] = nativeOf(value.(map[string]any)[field.Name()], field.Type())
		}
		return items
	case *avro.FixedSchema:
		raw, err := hex.DecodeString(value.(string))
		check(err)
		array := reflect.New(reflect.ArrayOf(typed.Size(), reflect.TypeOf(byte(0)))).Elem()
		reflect.Copy(array, reflect.ValueOf(raw))
		return array.Interface()
	}
	return primitive(value, schema.Type())
}

func primitive(value any, kind avro.Type) any {
	switch kind {
	case avro.Int:
		return int(number(value))
	case avro.Long:
		return number(value)
	case avro.Float, avro.Double:
		found, err := value.(json.Number).Float64()
		check(err)
		if kind == avro.Float {
			return float32(found)
		}
		return found
	case avro.Bytes:
		raw, err := hex.DecodeString(value.(string))
		check(err)
		return raw
	}
	return value
}

// And back.
func said(value any, schema avro.Schema) any {
	schema = resolved(schema)
	switch typed := schema.(type) {
	case *avro.UnionSchema:
		return saidUnion(value, typed)
	case *avro.ArraySchema:
		items := []any{}
		for _, item := range value.([]any) {
			items = append(items, said(item, typed.Items()))
		}
		return items
	case *avro.MapSchema:
		items := map[string]any{}
		for name, item := range value.(map[string]any) {
			items[name] = said(item, typed.Values())
		}
		return items
	case *avro.RecordSchema:
		items := map[string]any{}
		for _, field := range typed.Fields() {
			items[field.Name()] = said(value.(map[string]any)[field.Name()], field.Type())
		}
		return items
	}
	return saidScalar(value, schema)
}

func saidUnion(value any, union *avro.UnionSchema) any {
	if value == nil {
		return nil
	}
	named, wrapped := value.(map[string]any)
	for _, branch := range union.Types() {
		if branch.Type() == avro.Null {
			continue
		}
		if !wrapped {
			return map[string]any{branchName(branch): said(value, branch)}
		}
		if inner, ok := named[nameOf(branch)]; ok {
			return map[string]any{branchName(branch): said(inner, branch)}
		}
	}
	// A record that is the only branch besides null is not wrapped.
	_, branch := union.Indices()
	return map[string]any{branchName(union.Types()[branch]): said(value, union.Types()[branch])}
}

func saidScalar(value any, schema avro.Schema) any {
	switch typed := value.(type) {
	case *big.Rat:
		whole := new(big.Rat).Mul(typed, new(big.Rat).SetInt(scale(schema)))
		if !whole.IsInt() {
			panic("more digits than the scale")
		}
		return whole.Num().String()
	case time.Time:
		switch logical(schema).Type() {
		case avro.Date:
			return typed.Unix() / int64(day/time.Second)
		case avro.TimestampMillis:
			return typed.UnixMilli()
		}
		return typed.UnixMicro()
	case time.Duration:
		if logical(schema).Type() == avro.TimeMillis {
			return typed.Milliseconds()
		}
		return typed.Microseconds()
	case []byte:
		return hex.EncodeToString(typed)
	case float32:
		return json.Number(strconv.FormatFloat(float64(typed), 'g', -1, 64))
	}
	if found := reflect.ValueOf(value); found.Kind() == reflect.Array {
		raw := make([]byte, found.Len())
		reflect.Copy(reflect.ValueOf(raw), found)
		return hex.EncodeToString(raw)
	}
	return value
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	schema, err := avro.Parse(string(text))
	check(err)
	blocks := avro.Config{BlockLength: 2}.Freeze()
	plain := avro.Config{DisableBlockSizeHeader: true}.Freeze()
	in := bufio.NewReader(os.Stdin)
	for count := 0; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		if line[0] == 'E' {
			var value any
			decoder := json.NewDecoder(strings.NewReader(line[2:]))
			decoder.UseNumber()
			check(decoder.Decode(&value))
			codec := blocks
			if count%2 == 1 {
				codec = plain
			}
			count++
			message, err := codec.Marshal(schema, nativeOf(value, schema))
			check(err)
			fmt.Println(hex.EncodeToString(message))
			continue
		}
		message, err := hex.DecodeString(line[2:])
		check(err)
		var value any
		check(avro.Unmarshal(schema, message, &value))
		answer, err := json.Marshal(said(value, schema))
		check(err)
		fmt.Println(string(answer))
	}
}
