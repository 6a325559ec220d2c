// The client of Aerostack billing: `UserClient` for a signed-in user, `ServiceClient` for the platform's services.

export { Allowance, type AllowanceStats, type AllowanceTerms, type ChargeTerms } from "./allowance.js";
export type { CallOptions, ClientOptions, Retries } from "./calling.js";
export { ServiceClient, UserClient, type Quote } from "./client.js";
export { ApiError, BillingError, Unanswered, type ErrorCode } from "./errors.js";
export { Hold, type CaptureTerms, type TokenUsage } from "./hold.js";
export { LeasedMeter, type LeaseTerms, type MeterStats } from "./meter.js";
export { cents, type Cents } from "./money.js";
export type { Price } from "./prices.js";
export { Reserved } from "./reserved.js";
export type { components, operations, paths } from "./schema.js";
export type { Answer, Body, Lines, Operation, Query } from "./types.js";
