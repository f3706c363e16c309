# The installed package: find_package(attend [COMPONENTS json zlib sentencepiece]).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(attend_package_folder "${CMAKE_INSTALL_DATADIR}/cmake/attend")

foreach(target IN ITEMS attend attend_json attend_zlib attend_sentencepiece)
  if(TARGET ${target})
    install(TARGETS ${target} EXPORT ${target}Targets
            FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT ${target}Targets NAMESPACE attend:: DESTINATION "${attend_package_folder}")
  endif()
endforeach()

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/attendConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/attendConfig.cmake" INSTALL_DESTINATION "${attend_package_folder}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/attendConfigVersion.cmake" COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)

install(FILES "${PROJECT_BINARY_DIR}/attendConfig.cmake"
              "${PROJECT_BINARY_DIR}/attendConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindSentencePiece.cmake"
        DESTINATION "${attend_package_folder}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/attend")
