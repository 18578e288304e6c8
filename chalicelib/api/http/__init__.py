"""What every operation of the JSON API stands on: requests, answers, problems, tokens, and the API's description."""
