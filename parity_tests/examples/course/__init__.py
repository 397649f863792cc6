"""An example course: softmax and its gradient, a rubric, five submissions. docs/examples/course.md explains it."""
