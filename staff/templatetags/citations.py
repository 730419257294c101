from django import template

from staff.citations import cited

register = template.Library()
register.filter("cited", cited, is_safe=False)
