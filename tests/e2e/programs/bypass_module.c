// SPDX-License-Identifier: GPL-2.0-only
/* The extension module `bypass`. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bypass.c"

static PyObject *act_open(PyObject *self, PyObject *args)
{
	const char *path;

	return PyArg_ParseTuple(args, "s", &path) ? PyLong_FromLong(bypass_open(path)) : NULL;
}

static PyObject *act_connect(PyObject *self, PyObject *args)
{
	int port;

	return PyArg_ParseTuple(args, "i", &port) ? PyLong_FromLong(bypass_connect(port)) : NULL;
}

static PyObject *act_exec(PyObject *self, PyObject *args)
{
	const char *path;

	return PyArg_ParseTuple(args, "s", &path) ? PyLong_FromLong(bypass_exec(path)) : NULL;
}

static PyMethodDef methods[] = {
	{"open", act_open, METH_VARARGS, NULL},
	{"connect", act_connect, METH_VARARGS, NULL},
	{"exec", act_exec, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "bypass", NULL, -1, methods};

PyMODINIT_FUNC PyInit_bypass(void)
{
	return PyModule_Create(&module);
}
