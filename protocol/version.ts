/** Versions that clients and people are told. */

/** This package's; a test holds it equal to package.json's. */
export const PACKAGE_VERSION = '0.1.0';

/** The Redis that clients may take us for: they choose what to send by it. */
export const REDIS_VERSION = '7.4.0';
