from setuptools import Extension, setup

setup(name="fastgraph", version="0.1", ext_modules=[Extension("fastgraph", ["ext/missing_header.c"])])
