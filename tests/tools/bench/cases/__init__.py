"""The benchmarks, one a module: each takes `Sizes`, gives `Figures`, and fails where its own result is wrong."""
