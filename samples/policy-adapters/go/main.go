// An adapter outside for the template `listentry`, which lets through whom its handler's params name, and for a
// template of one's own, `lookup` (key -> value), which gives back what a key leads to in their table.
// Reads the few fields it needs by their numbers, so that it needs no generated code;
// with protoc-gen-go and packages/protos/proto the messages can be generated as well.
//
//	go run . [HOST:PORT]
//
// Params: {"users": ["jason"], "table": {"jason": "red"}}. `xebec policy proto lookup` prints the proto of lookup.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Numbers of fields: see istio/mixer/template/listentry.proto and istio/mixer/adapter/model/v1beta1/check.proto.
const (
	requestInstance = 1
	requestConfig   = 2
	instanceValue   = 1
	resultStatus    = 1
	resultUseCount  = 3
)

// Messages as they are on the wire.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = slices.Clone(data); return nil }

var _ encoding.Codec = raw{}

// The last field of that number that has a length; nil when there is none.
func field(message []byte, wanted protowire.Number) []byte {
	var found []byte
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return found
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return found
		}
		if number == wanted && kind == protowire.BytesType {
			found, _ = protowire.ConsumeBytes(message[n:])
		}
		message = message[n+size:]
	}
	return found
}

func paramsOf(request []byte) (*structpb.Struct, error) {
	var config anypb.Any
	var params structpb.Struct
	if err := proto.Unmarshal(field(request, requestConfig), &config); err != nil {
		return nil, err
	}
	return &params, config.UnmarshalTo(&params)
}

func users(request []byte) ([]string, error) {
	params, err := paramsOf(request)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, user := range params.GetFields()["users"].GetListValue().GetValues() {
		names = append(names, user.GetStringValue())
	}
	return names, nil
}

func handleListEntry(request []byte) ([]byte, error) {
	allowed, err := users(request)
	if err != nil {
		return nil, err
	}
	user := string(field(field(request, requestInstance), instanceValue))
	verdict := &status.Status{}
	if !slices.Contains(allowed, user) {
		verdict.Code = int32(codes.PermissionDenied)
		verdict.Message = fmt.Sprintf("%q is not on Go's list", user)
	}
	return resultOf(verdict)
}

func resultOf(verdict *status.Status) ([]byte, error) {
	encoded, err := proto.Marshal(verdict)
	if err != nil {
		return nil, err
	}
	result := appendMessage(nil, resultStatus, encoded)
	result = protowire.AppendTag(result, resultUseCount, protowire.VarintType)
	return protowire.AppendVarint(result, 100), nil
}

func appendMessage(to []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), message)
}

// The answer is a HandleLookupResponse: `result` (1) and `output` (2), whose `value` is 1.
func handleLookup(request []byte) ([]byte, error) {
	params, err := paramsOf(request)
	if err != nil {
		return nil, err
	}
	key := string(field(field(request, requestInstance), instanceValue))
	value, known := params.GetFields()["table"].GetStructValue().GetFields()[key]
	verdict := &status.Status{}
	if !known {
		verdict.Code = int32(codes.NotFound)
		verdict.Message = fmt.Sprintf("Go knows no %q", key)
	}
	result, err := resultOf(verdict)
	if err != nil {
		return nil, err
	}
	output := appendMessage(nil, 1, []byte(value.GetStringValue()))
	return appendMessage(appendMessage(nil, 1, result), 2, output), nil
}

type handle func(request []byte) ([]byte, error)

// A service of one method, with messages as they are on the wire.
func service(name string, method string, call handle) *grpc.ServiceDesc {
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var request []byte
		if err := decode(&request); err != nil {
			return nil, err
		}
		result, err := call(request)
		return &result, err
	}
	return &grpc.ServiceDesc{
		ServiceName: name,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: method, Handler: handler}},
	}
}

func main() {
	address := "127.0.0.1:9070"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}))
	server.RegisterService(service("listentry.HandleListEntryService", "HandleListEntry", handleListEntry), nil)
	server.RegisterService(service("lookup.HandleLookupService", "HandleLookup", handleLookup), nil)
	fmt.Printf("listening %s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}
