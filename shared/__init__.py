"""What two services need, in eleven small packages."""
