// The public surface of policy-service.
export {};
