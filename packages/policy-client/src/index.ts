// The public surface of policy-client.
export {};
