module probity.dev/e2e/images

go 1.25.0
