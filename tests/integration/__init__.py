"""Tests of jairouter over real sockets."""
