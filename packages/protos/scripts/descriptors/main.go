// Dumps every protobuf file linked into this program as one FileDescriptorSet, dependencies first,
// files in a stable order, so that two runs give the same bytes.
package main

import (
	"fmt"
	"os"
	"sort"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	// Protocols Envoy speaks that its API does not carry: telemetry export and health checking.
	_ "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	_ "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	_ "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	_ "google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	if err := dump(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func dump() error {
	set := &descriptorpb.FileDescriptorSet{}
	written := map[string]bool{}
	for _, file := range linkedFiles() {
		appendWithImports(set, written, file)
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return fmt.Errorf("encode the descriptor set: %w", err)
	}
	_, err = os.Stdout.Write(bytes)
	return err
}

func linkedFiles() []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		files = append(files, file)
		return true
	})
	sort.Slice(files, func(i, j int) bool { return files[i].Path() < files[j].Path() })
	return files
}

func appendWithImports(set *descriptorpb.FileDescriptorSet, written map[string]bool, file protoreflect.FileDescriptor) {
	if written[file.Path()] {
		return
	}
	written[file.Path()] = true
	imports := file.Imports()
	for i := 0; i < imports.Len(); i++ {
		appendWithImports(set, written, imports.Get(i).FileDescriptor)
	}
	descriptor := protodesc.ToFileDescriptorProto(file)
	descriptor.SourceCodeInfo = nil
	set.File = append(set.File, descriptor)
}
