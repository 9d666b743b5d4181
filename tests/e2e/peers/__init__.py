"""Software of others that uses the service under test: its images and pods. It knows no story."""
