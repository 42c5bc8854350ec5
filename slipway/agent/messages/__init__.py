"""What client and agent say to each other: a request and a reply for each verb."""
