"""Plans, metered limits and a prepaid wallet on Lambda, DynamoDB and Stripe."""
