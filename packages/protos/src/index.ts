// The public surface of @xebec/protos; generated modules are imported by their own paths, never from here.
export {};
