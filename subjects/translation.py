from modeltranslation.translator import TranslationOptions, register

from subjects.models import DataCategory


@register(DataCategory)
class DataCategoryTranslation(TranslationOptions):
    fields = ("title",)
