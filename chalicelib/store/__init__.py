"""The only code that says DynamoDB: ids, keys, items, conditions, paging."""
