// The version of this build.

/** Set when the command is bundled; the version of the sources otherwise. */
declare const XEBEC_VERSION: string | undefined;

export const version: string = typeof XEBEC_VERSION === 'string' ? XEBEC_VERSION : '0.1.0';
