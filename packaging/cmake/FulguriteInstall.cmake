# SPDX-License-Identifier: Apache-2.0
# What an installation has besides the programs and the desktop's own files: the included models, sample images and licences.
# Both programs look for share/fulgurite/models/ember beside their own folder.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/resources/models DESTINATION ${CMAKE_INSTALL_DATADIR}/fulgurite COMPONENT engine
  PATTERN training EXCLUDE
  PATTERN "*.license" EXCLUDE)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/resources/images DESTINATION ${CMAKE_INSTALL_DATADIR}/fulgurite COMPONENT engine)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/resources/runs DESTINATION ${CMAKE_INSTALL_DATADIR}/fulgurite COMPONENT desktop)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT engine)
install(DIRECTORY LICENSES DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT engine)
